// Made from openapi.json by `npm run openapi`; changes here are lost.

export interface paths {
    "/v1/otp": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Mail a code to an address
         * @description The answer is the same whether or not the address has an account. Keep `challenge`: the code works only together with it, so nobody else can guess it or use it up.
         */
        post: operations["requestOtp"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/otp/resend": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Mail the same code again
         * @description The code, its expiry and the tries left stay the same. Before `resend_in` has passed, or with no resends left, the answer is 429. At `resends_left: 0` do not wait for `Retry-After`, which is the end of the code: ask for a new one.
         */
        post: operations["resendOtp"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/otp/verify": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Trade a mailed code for a session
         * @description Each wrong code costs a try. With a live bearer token of the same account, that session is renewed (`authenticated_at`) instead of a new one being opened, and the answer has no refresh token. An expired bearer counts as none: refresh first when it is about to expire. An answer with a `refresh_token` belongs to a new session: store the token in place of the one you have.
         */
        post: operations["verifyOtp"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/login": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Sign in with a password
         * @description An unknown address, an account without a password and a wrong password get the same answer. After ten wrong passwords from strangers, every stranger is asked for a mailed code as well, whether the password is right or wrong (`code-required`): `next.challenge` is an object like the answer of /v1/otp; continue with `next.challenge.challenge` at /v1/otp/verify. Nobody is locked out; a device that sends its `device_token` does not notice. With a live bearer token of the same account, that session is renewed (`authenticated_at`) instead of a new one being opened, and the answer has no refresh token. An expired bearer counts as none: refresh first when it is about to expire. An answer with a `refresh_token` belongs to a new session: store the token in place of the one you have.
         */
        post: operations["loginWithPassword"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/password/forgot": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Mail a link to a new password
         * @description The answer is the same whether or not the address has an account. The link leads to the page that the operator has set, with the token after `#token=`. Up to three links are live at once; after that the newest is mailed again.
         */
        post: operations["requestPasswordReset"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/password/reset/inspect": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Look at a link without using it
         * @description Says whose password the link sets, and until when. Looking does not use the link up.
         */
        post: operations["inspectPasswordReset"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/password/reset": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Set a new password by a mailed link
         * @description Ends every session, every other link and every open code of the account, and the trust in every other device and network. A refused password does not use up the link. Nobody is signed in by this: let the person log in with the new password.
         */
        post: operations["resetPassword"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/me/password": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        /**
         * Set or change the password of the account
         * @description Requires a sign-in within the last five minutes, and `current_password` when the account has one. After ten wrong ones it requires a new sign-in (`step-up-required`), whatever is given. The calling session continues and its device stays trusted; all others end. An account may make thirty changes in a row and then one in eight hours (`too-many-requests`); changes by a mailed link do not count.
         */
        put: operations["changePassword"];
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/session/refresh": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Trade a refresh token for the current pair of tokens
         * @description Safe to repeat: after a lost reply, send the same token again. Replace the stored token only when the answer has arrived. Only `refresh-rejected` means that the session is over. Without a token in the body the cookie is used, and the answer brings the next one.
         */
        post: operations["refreshSession"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/session/logout": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Sign out
         * @description Ends the session of the refresh token, or else that of the cookie and of the bearer token, which may have run out within the hour. It is no error if the session has already ended. The cookie is cleared.
         */
        post: operations["logout"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/session": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Who is signed in
         * @description The session and the user behind a bearer token. A session that was ended is refused at once, however long its access token would last.
         */
        get: operations["getSession"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/me/sessions": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List the sessions of the user
         * @description Live sessions, most recently used first.
         */
        get: operations["listSessions"];
        put?: never;
        post?: never;
        /**
         * End all other sessions
         * @description Signs every other device out; the calling session continues.
         */
        delete: operations["endOtherSessions"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/me/sessions/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post?: never;
        /**
         * End one session
         * @description Signs one device out. Somebody else’s session is answered like one that does not exist.
         */
        delete: operations["endSession"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/me": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * The account that is signed in
         * @description What the service knows about the person behind the bearer token.
         */
        get: operations["getMe"];
        put?: never;
        post?: never;
        /**
         * Delete the account
         * @description Ends every session and forgets the account with all that belongs to it, at once and for good; only the list of mails that were sent keeps the address, for MAIL_RETENTION (a week). Requires a sign-in within the last five minutes. A mail to the address confirms it.
         */
        delete: operations["deleteMe"];
        options?: never;
        head?: never;
        /**
         * Change the account
         * @description Sets the language of mails: of notices, and of codes and links whose request names no other by `locale` or `Accept-Language`. Members that are absent stay as they are.
         */
        patch: operations["updateMe"];
        trace?: never;
    };
    "/v1/me/devices": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List the trusted devices
         * @description Devices that have signed in to this account and hold a `device_token`, most recently used first. What strangers do with the address does not affect their limits.
         */
        get: operations["listDevices"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/me/devices/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post?: never;
        /**
         * Forget a trusted device
         * @description Its `device_token` is void from now on. Its sessions stay open; end them through the list of sessions. Somebody else’s device is answered like one that does not exist.
         */
        delete: operations["forgetDevice"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/.well-known/jwks.json": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * The keys that access tokens are signed with
         * @description For services that check access tokens themselves. Keep it for 300 seconds; a new key is published here that long before it signs.
         */
        get: operations["getJwks"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/livez": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Whether the process is alive
         * @description Restart the process when this does not answer. It looks at nothing outside the process.
         */
        get: operations["getLiveness"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/readyz": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Whether to send requests here
         * @description Looks at the database, the migrations, the keys and the mail queue. Take the instance out of the load balancer while this is 503; do not restart it.
         */
        get: operations["getReadiness"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
}
export type webhooks = Record<string, never>;
export interface components {
    schemas: {
        Problem: {
            /**
             * Format: uri-reference
             * @description A page that explains the problem.
             */
            type: string;
            title: string;
            status: number;
            /** @description What is wrong and what to do, for developers. It may change: show people a text of your own. */
            detail: string;
            /** @description `urn:uuid:` and the request id: what to tell the operator. */
            instance: string;
            /** @description What to switch on. An open list: treat an unknown code by its status. */
            code: string;
            /**
             * @description On `password-refused`: what is wrong with the password.
             * @enum {string}
             */
            reason?: "too_short" | "too_long" | "common" | "personal" | "breached";
            /** @description With the reason `too_short`: how many characters (code points) a password must have at least. */
            min_length?: number;
            next?: components["schemas"]["ProblemNext"];
            errors?: components["schemas"]["ProblemFault"][];
        };
        /** @description On `code-required`: how the sign-in continues. */
        ProblemNext: {
            /** @description What may come next: `otp`. An open list. */
            methods: string[];
            challenge: components["schemas"]["Challenge"];
        };
        ProblemFault: {
            /** @description JSON pointer to the place in the body, such as `/email`; empty for the body or the request as a whole. `/headers/…` is a header, `/params/…` a part of the path. */
            pointer: string;
            detail: string;
        };
        /**
         * @example {
         *       "challenge": "chl_jZYkQAGiBF4zenNYqWI3xcbRVMPwBgAhFaPeUYf2LsmqTx",
         *       "expires_in": 600,
         *       "resend_in": 30,
         *       "resends_left": 3,
         *       "tries": 3,
         *       "code_length": 6,
         *       "code_alphabet": "digits",
         *       "reference": "FBBC"
         *     }
         */
        Challenge: {
            /** @description Identifies this request for a code. Keep it: the code is useless without it. */
            challenge: string;
            /** @description Seconds the code stays valid. */
            expires_in: number;
            /** @description Seconds until the code may be mailed again. */
            resend_in: number;
            /** @description How often the code may still be mailed again. */
            resends_left: number;
            /** @description Guesses left. */
            tries: number;
            /** @description Characters of the code. It grows for an address that many codes were requested for. */
            code_length: number;
            /** @description Which keyboard to show: `digits` or `base32`. An open list: for any other show the usual one. */
            code_alphabet: string;
            /** @description Four letters that also appear in the mail, so that two mails can be told apart. */
            reference: string;
            /** @description What the person may have meant to type. Advice from the typed text alone; it says nothing about accounts. */
            email_suggestion?: string;
        };
        /**
         * @example {
         *       "access_token": "eyJhbGciOiJFUzI1NiIsInR5cCI6ImF0K2p3dCIsImtpZCI6Ii4uLiJ9.eyJzdWIiOiIuLi4ifQ.c2lnbmF0dXJl",
         *       "token_type": "Bearer",
         *       "expires_in": 600,
         *       "refresh_token": "rfr_jZYkQAGiBF4zenNYqWI3xcbRVMMAAAABq0aZ1l9v2kQpC1u5mXw7dBFh8wkN2sYt0oQe5rL3",
         *       "refresh_expires_in": 2592000,
         *       "device_token": "dev_jZYkQAGiBF4zenNYqWI3xcbRVMNkQpC1u5mXw7dBFh8wkN2sYt0oQe5rL3aXc9Pn",
         *       "session": {
         *         "id": "0198c5a1-7b1f-7aa0-8a51-3f2b7c9d4e10",
         *         "created_at": "2026-11-22T09:30:00.000Z",
         *         "authenticated_at": "2026-11-22T09:30:00.000Z",
         *         "expires_at": "2027-02-20T09:30:00.000Z",
         *         "amr": [
         *           "otp"
         *         ]
         *       },
         *       "user": {
         *         "id": "0198c5a1-7b1e-7c33-9d0c-0c5d2f6a1b42",
         *         "email": "maya@example.com",
         *         "email_verified": true,
         *         "has_password": false,
         *         "locale": "en",
         *         "created_at": "2026-11-22T09:30:00.000Z"
         *       }
         *     }
         */
        Session: {
            /** @description A JWT (ES256, `typ: at+jwt`) for the Authorization header. Verify it with the keys at /.well-known/jwks.json. */
            access_token: string;
            /** @enum {string} */
            token_type: "Bearer";
            /** @description Seconds the access token is valid. */
            expires_in: number;
            /** @description Trade it for the next pair at /v1/session/refresh. Absent when it is in the cookie, and when an existing session was renewed: keep the one you have. */
            refresh_token?: string;
            /** @description Seconds until the session ends unless it is refreshed: the earlier of its idle and its absolute end. */
            refresh_expires_in: number;
            /** @description Identifies this device at later sign-ins to this account, so that it has limits of its own. Keep it when the person signs out. A newer one replaces it. */
            device_token?: string;
            session: components["schemas"]["SessionInfo"];
            user: components["schemas"]["User"];
        };
        SessionInfo: {
            /** Format: uuid */
            id: string;
            /** Format: date-time */
            created_at: string;
            /**
             * Format: date-time
             * @description When the person last proved who they are.
             */
            authenticated_at: string;
            /**
             * Format: date-time
             * @description When the session ends at the latest, however often it is refreshed.
             */
            expires_at: string;
            /** @description How the person signed in (RFC 8176): `otp`, `pwd`; `test` by the fixed code of a test address. An open list. */
            amr: string[];
        };
        /**
         * @example {
         *       "session": {
         *         "id": "0198c5a1-7b1f-7aa0-8a51-3f2b7c9d4e10",
         *         "created_at": "2026-11-22T09:30:00.000Z",
         *         "authenticated_at": "2026-11-22T09:30:00.000Z",
         *         "expires_at": "2027-02-20T09:30:00.000Z",
         *         "amr": [
         *           "otp"
         *         ]
         *       },
         *       "user": {
         *         "id": "0198c5a1-7b1e-7c33-9d0c-0c5d2f6a1b42",
         *         "email": "maya@example.com",
         *         "email_verified": true,
         *         "has_password": false,
         *         "locale": "en",
         *         "created_at": "2026-11-22T09:30:00.000Z"
         *       }
         *     }
         */
        CurrentSession: {
            session: components["schemas"]["SessionInfo"];
            user: components["schemas"]["User"];
        };
        ListedSession: {
            /** Format: uuid */
            id: string;
            /** @description Whether this is the calling session. */
            current: boolean;
            /** Format: date-time */
            created_at: string;
            /** Format: date-time */
            authenticated_at: string;
            /**
             * Format: date-time
             * @description When it was opened or last refreshed; for the calling session, now.
             */
            last_used_at: string;
            /**
             * Format: date-time
             * @description When it ends unless it is refreshed; for the calling session, when it ends in any case.
             */
            expires_at: string;
            amr: string[];
            /** @description The network it was opened from: /24 of an IPv4, /64 of an IPv6 address. */
            network: string | null;
            /** @description The User-Agent it was opened with. */
            agent: string | null;
        };
        /**
         * @example {
         *       "sessions": [
         *         {
         *           "id": "0198c5a1-7b1f-7aa0-8a51-3f2b7c9d4e10",
         *           "created_at": "2026-11-22T09:30:00.000Z",
         *           "authenticated_at": "2026-11-22T09:30:00.000Z",
         *           "expires_at": "2027-02-20T09:30:00.000Z",
         *           "amr": [
         *             "otp"
         *           ],
         *           "current": true,
         *           "last_used_at": "2026-11-22T09:40:00.000Z",
         *           "network": "203.0.113.0/24",
         *           "agent": "Mozilla/5.0"
         *         }
         *       ]
         *     }
         */
        SessionList: {
            sessions: components["schemas"]["ListedSession"][];
        };
        /**
         * @example {
         *       "sessions_ended": 2
         *     }
         */
        SessionsEnded: {
            sessions_ended: number;
        };
        /**
         * @example {
         *       "id": "0198c5a1-7b1e-7c33-9d0c-0c5d2f6a1b42",
         *       "email": "maya@example.com",
         *       "email_verified": true,
         *       "has_password": false,
         *       "locale": "en",
         *       "created_at": "2026-11-22T09:30:00.000Z"
         *     }
         */
        User: {
            /** Format: uuid */
            id: string;
            /** @description The address as it was typed when the account was made, but for its domain: that is in small letters, and in its ASCII form. */
            email: string;
            /** @description Whether the address is proven: by a mailed code or link, or because it was imported as verified. */
            email_verified: boolean;
            /** @description Whether signing in with a password is possible. */
            has_password: boolean;
            /** @description The language of mails to this account (BCP 47): of notices always, of codes and links where a request names no other. */
            locale: string;
            /** Format: date-time */
            created_at: string;
        };
        Device: {
            /** Format: uuid */
            id: string;
            /**
             * Format: date-time
             * @description When it first signed in.
             */
            created_at: string;
            /**
             * Format: date-time
             * @description When it last signed in.
             */
            last_used_at: string;
            /**
             * Format: date-time
             * @description Until when it is trusted unless it signs in again.
             */
            expires_at: string;
            /** @description The network it last signed in from: /24 of an IPv4, /64 of an IPv6 address. */
            network: string | null;
            /** @description The User-Agent it last signed in with. */
            agent: string | null;
            /** @description Whether the session of the request was opened, or last renewed, on this device. */
            current: boolean;
        };
        /**
         * @example {
         *       "devices": [
         *         {
         *           "id": "0198c5a1-7b1f-7aa0-8a51-3f2b7c9d4e55",
         *           "created_at": "2026-11-22T09:30:00.000Z",
         *           "last_used_at": "2026-11-22T09:30:00.000Z",
         *           "expires_at": "2027-05-21T09:30:00.000Z",
         *           "network": "203.0.113.0/24",
         *           "agent": "Mozilla/5.0",
         *           "current": true
         *         }
         *       ]
         *     }
         */
        DeviceList: {
            devices: components["schemas"]["Device"][];
        };
        /**
         * @example {
         *       "expires_in": 86400
         *     }
         */
        PasswordResetRequested: {
            /** @description Seconds a new link stays valid. If three are live already, the newest is mailed again, and the mail says how long it is still valid. */
            expires_in: number;
            /** @description What the person may have meant to type. Advice from the typed text alone; it says nothing about accounts. */
            email_suggestion?: string;
        };
        /**
         * @example {
         *       "email_hint": "m•••@example.com",
         *       "expires_at": "2026-11-23T09:30:00.000Z"
         *     }
         */
        PasswordResetLink: {
            /** @description The address of the account, with all but its first letter hidden. */
            email_hint: string;
            /**
             * Format: date-time
             * @description When the link expires.
             */
            expires_at: string;
        };
        /**
         * @example {
         *       "sessions_ended": 2,
         *       "device_token": "dev_jZYkQAGiBF4zenNYqWI3xcbRVMNkQpC1u5mXw7dBFh8wkN2sYt0oQe5rL3aXc9Pn"
         *     }
         */
        PasswordReset: {
            /** @description Sessions that were open until now. */
            sessions_ended: number;
            /** @description Identifies this device from now on, so that the login with the new password works whatever strangers have used up. */
            device_token: string;
        };
        /**
         * @example {
         *       "keys": [
         *         {
         *           "kty": "EC",
         *           "crv": "P-256",
         *           "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
         *           "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
         *           "kid": "oKIywvGUpTVTyxMQ3bwIIeQUudfr_CkLMjCE19ECD-U",
         *           "alg": "ES256",
         *           "use": "sig"
         *         }
         *       ]
         *     }
         */
        JwkSet: {
            keys: components["schemas"]["Jwk"][];
        };
        Jwk: {
            /** @enum {string} */
            kty: "EC";
            /** @enum {string} */
            crv: "P-256";
            x: string;
            y: string;
            kid: string;
            alg: string;
            /** @enum {string} */
            use: "sig";
        };
        /**
         * @example {
         *       "status": "ready",
         *       "checks": {
         *         "database": {
         *           "ok": true
         *         },
         *         "migrations": {
         *           "ok": true
         *         },
         *         "keys": {
         *           "ok": true
         *         },
         *         "mail": {
         *           "ok": true
         *         }
         *       }
         *     }
         */
        Readiness: {
            /** @enum {string} */
            status: "ready" | "not-ready";
            checks: {
                [key: string]: components["schemas"]["ReadinessCheck"];
            };
        };
        ReadinessCheck: {
            ok: boolean;
            detail?: string;
        };
        /**
         * @example {
         *       "status": "alive"
         *     }
         */
        Liveness: {
            /** @enum {string} */
            status: "alive";
        };
    };
    responses: never;
    parameters: never;
    requestBodies: never;
    headers: {
        /** @description The id of the request in the log of the service; a refusal repeats it in `instance`. */
        "X-Request-Id": string;
        /** @description `Bearer error="invalid_token"` on `session-rejected` and on nothing else; the others have schemes of their own. */
        "WWW-Authenticate": string;
        /** @description Seconds to wait. */
        "Retry-After": number;
    };
    pathItems: never;
}
export type $defs = Record<string, never>;
export interface operations {
    requestOtp: {
        parameters: {
            query?: never;
            header?: {
                /** @description A random UUID, the same for every try of one request: a retry after a lost reply is then answered as the first try was. At /v1/otp/verify and /v1/password/reset that holds for a minute; later the code or the link is spent, and refused. A different request needs a different one. */
                "idempotency-key"?: string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "email": "maya@example.com"
                 *     }
                 */
                "application/json": {
                    /**
                     * @description One plain address as a person types it, of at most 254 characters; spaces around it are ignored.
                     * @example maya@example.com
                     */
                    email: string;
                    /**
                     * @description A language tag (BCP 47). Mails are written in the closest language that has templates.
                     * @example fr-CH
                     */
                    locale?: string;
                    /**
                     * @description The `device_token` of an earlier sign-in. A known device has limits of its own; an unknown one is treated as a stranger, and nothing worse.
                     * @example dev_jZYkQAGiBF4zenNYqWI3xcbRVMNkQpC1u5mXw7dBFh8wkN2sYt0oQe5rL3aXc9Pn
                     */
                    device_token?: string;
                };
            };
        };
        responses: {
            /** @description The code is on its way, if a mail can reach the address. */
            202: {
                headers: {
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    /** @description Requests a minute that one IP address or network may make, where this request was counted for one; at a 429 also those of one session. */
                    "RateLimit-Limit"?: number;
                    /** @description How many of them are left. */
                    "RateLimit-Remaining"?: number;
                    /** @description Seconds until all of them are available again. */
                    "RateLimit-Reset"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Challenge"];
                };
            };
            /** @description `invalid-request`: The request does not match the contract. */
            400: {
                headers: {
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    /** @description Requests a minute that one IP address or network may make, where this request was counted for one; at a 429 also those of one session. */
                    "RateLimit-Limit"?: number;
                    /** @description How many of them are left. */
                    "RateLimit-Remaining"?: number;
                    /** @description Seconds until all of them are available again. */
                    "RateLimit-Reset"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `request-timeout`: The request took too long to arrive. */
            408: {
                headers: {
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `payload-too-large`: The body is too large. */
            413: {
                headers: {
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    /** @description Requests a minute that one IP address or network may make, where this request was counted for one; at a 429 also those of one session. */
                    "RateLimit-Limit"?: number;
                    /** @description How many of them are left. */
                    "RateLimit-Remaining"?: number;
                    /** @description Seconds until all of them are available again. */
                    "RateLimit-Reset"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unsupported-media-type`: The body must be JSON in UTF-8. */
            415: {
                headers: {
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    /** @description Requests a minute that one IP address or network may make, where this request was counted for one; at a 429 also those of one session. */
                    "RateLimit-Limit"?: number;
                    /** @description How many of them are left. */
                    "RateLimit-Remaining"?: number;
                    /** @description Seconds until all of them are available again. */
                    "RateLimit-Reset"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `too-many-requests`: Too many requests; wait and try again. Limited are the mails to one email address, the requests a minute of one IP address or session, and the changes of a password; `detail` says which it was. Wait the number of seconds in `Retry-After`. Earlier requests are refused too. */
            429: {
                headers: {
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    "Retry-After": components["headers"]["Retry-After"];
                    /** @description Requests a minute that one IP address or network may make, where this request was counted for one; at a 429 also those of one session. */
                    "RateLimit-Limit"?: number;
                    /** @description How many of them are left. */
                    "RateLimit-Remaining"?: number;
                    /** @description Seconds until all of them are available again. */
                    "RateLimit-Reset"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `headers-too-large`: The headers are too large. */
            431: {
                headers: {
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `internal`: Internal error. */
            500: {
                headers: {
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    /** @description Requests a minute that one IP address or network may make, where this request was counted for one; at a 429 also those of one session. */
                    "RateLimit-Limit"?: number;
                    /** @description How many of them are left. */
                    "RateLimit-Remaining"?: number;
                    /** @description Seconds until all of them are available again. */
                    "RateLimit-Reset"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unavailable`: The service cannot answer right now. */
            503: {
                headers: {
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    "Retry-After": components["headers"]["Retry-After"];
                    /** @description Requests a minute that one IP address or network may make, where this request was counted for one; at a 429 also those of one session. */
                    "RateLimit-Limit"?: number;
                    /** @description How many of them are left. */
                    "RateLimit-Remaining"?: number;
                    /** @description Seconds until all of them are available again. */
                    "RateLimit-Reset"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    resendOtp: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "challenge": "chl_jZYkQAGiBF4zenNYqWI3xcbRVMPwBgAhFaPeUYf2LsmqTx"
                 *     }
                 */
                "application/json": {
                    /** @example chl_jZYkQAGiBF4zenNYqWI3xcbRVMPwBgAhFaPeUYf2LsmqTx */
                    challenge: string;
                };
            };
        };
        responses: {
            /** @description The same code is on its way again. */
            202: {
                headers: {
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    /** @description Requests a minute that one IP address or network may make, where this request was counted for one; at a 429 also those of one session. */
                    "RateLimit-Limit"?: number;
                    /** @description How many of them are left. */
                    "RateLimit-Remaining"?: number;
                    /** @description Seconds until all of them are available again. */
                    "RateLimit-Reset"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Challenge"];
                };
            };
            /** @description `invalid-request`: The request does not match the contract. */
            400: {
                headers: {
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    /** @description Requests a minute that one IP address or network may make, where this request was counted for one; at a 429 also those of one session. */
                    "RateLimit-Limit"?: number;
                    /** @description How many of them are left. */
                    "RateLimit-Remaining"?: number;
                    /** @description Seconds until all of them are available again. */
                    "RateLimit-Reset"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `code-rejected`: The code is not valid. */
            401: {
                headers: {
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    "WWW-Authenticate": components["headers"]["WWW-Authenticate"];
                    /** @description Requests a minute that one IP address or network may make, where this request was counted for one; at a 429 also those of one session. */
                    "RateLimit-Limit"?: number;
                    /** @description How many of them are left. */
                    "RateLimit-Remaining"?: number;
                    /** @description Seconds until all of them are available again. */
                    "RateLimit-Reset"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `request-timeout`: The request took too long to arrive. */
            408: {
                headers: {
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `payload-too-large`: The body is too large. */
            413: {
                headers: {
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    /** @description Requests a minute that one IP address or network may make, where this request was counted for one; at a 429 also those of one session. */
                    "RateLimit-Limit"?: number;
                    /** @description How many of them are left. */
                    "RateLimit-Remaining"?: number;
                    /** @description Seconds until all of them are available again. */
                    "RateLimit-Reset"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unsupported-media-type`: The body must be JSON in UTF-8. */
            415: {
                headers: {
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    /** @description Requests a minute that one IP address or network may make, where this request was counted for one; at a 429 also those of one session. */
                    "RateLimit-Limit"?: number;
                    /** @description How many of them are left. */
                    "RateLimit-Remaining"?: number;
                    /** @description Seconds until all of them are available again. */
                    "RateLimit-Reset"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `too-many-requests`: Too many requests; wait and try again. Limited are the mails to one email address, the requests a minute of one IP address or session, and the changes of a password; `detail` says which it was. Wait the number of seconds in `Retry-After`. Earlier requests are refused too. */
            429: {
                headers: {
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    "Retry-After": components["headers"]["Retry-After"];
                    /** @description Requests a minute that one IP address or network may make, where this request was counted for one; at a 429 also those of one session. */
                    "RateLimit-Limit"?: number;
                    /** @description How many of them are left. */
                    "RateLimit-Remaining"?: number;
                    /** @description Seconds until all of them are available again. */
                    "RateLimit-Reset"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `headers-too-large`: The headers are too large. */
            431: {
                headers: {
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `internal`: Internal error. */
            500: {
                headers: {
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    /** @description Requests a minute that one IP address or network may make, where this request was counted for one; at a 429 also those of one session. */
                    "RateLimit-Limit"?: number;
                    /** @description How many of them are left. */
                    "RateLimit-Remaining"?: number;
                    /** @description Seconds until all of them are available again. */
                    "RateLimit-Reset"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unavailable`: The service cannot answer right now. */
            503: {
                headers: {
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    "Retry-After": components["headers"]["Retry-After"];
                    /** @description Requests a minute that one IP address or network may make, where this request was counted for one; at a 429 also those of one session. */
                    "RateLimit-Limit"?: number;
                    /** @description How many of them are left. */
                    "RateLimit-Remaining"?: number;
                    /** @description Seconds until all of them are available again. */
                    "RateLimit-Reset"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    verifyOtp: {
        parameters: {
            query?: never;
            header?: {
                /** @description A random UUID, the same for every try of one request: a retry after a lost reply is then answered as the first try was. At /v1/otp/verify and /v1/password/reset that holds for a minute; later the code or the link is spent, and refused. A different request needs a different one. */
                "idempotency-key"?: string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "challenge": "chl_jZYkQAGiBF4zenNYqWI3xcbRVMPwBgAhFaPeUYf2LsmqTx",
                 *       "code": "143085"
                 *     }
                 */
                "application/json": {
                    /** @example chl_jZYkQAGiBF4zenNYqWI3xcbRVMPwBgAhFaPeUYf2LsmqTx */
                    challenge: string;
                    /**
                     * @description As typed or pasted: white space, dashes and lower case are fine.
                     * @example 143 085
                     */
                    code: string;
                    /**
                     * @description `bearer` (the default): the refresh token is in the answer. `cookie`: it is in an HttpOnly cookie, and the request must come from an allowed origin on the same site.
                     * @example bearer
                     * @enum {string}
                     */
                    session_transport?: "bearer" | "cookie";
                };
            };
        };
        responses: {
            /** @description Signed in. */
            200: {
                headers: {
                    /** @description In cookie mode: `__Host-postern_refresh` with the refresh token; HttpOnly, Secure, SameSite=Lax, Path=/, Max-Age as `refresh_expires_in`. */
                    "Set-Cookie"?: string;
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    /** @description Requests a minute that one IP address or network may make, where this request was counted for one; at a 429 also those of one session. */
                    "RateLimit-Limit"?: number;
                    /** @description How many of them are left. */
                    "RateLimit-Remaining"?: number;
                    /** @description Seconds until all of them are available again. */
                    "RateLimit-Reset"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Session"];
                };
            };
            /** @description `invalid-request`: The request does not match the contract. */
            400: {
                headers: {
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    /** @description Requests a minute that one IP address or network may make, where this request was counted for one; at a 429 also those of one session. */
                    "RateLimit-Limit"?: number;
                    /** @description How many of them are left. */
                    "RateLimit-Remaining"?: number;
                    /** @description Seconds until all of them are available again. */
                    "RateLimit-Reset"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `code-rejected`: The code is not valid. */
            401: {
                headers: {
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    "WWW-Authenticate": components["headers"]["WWW-Authenticate"];
                    /** @description Requests a minute that one IP address or network may make, where this request was counted for one; at a 429 also those of one session. */
                    "RateLimit-Limit"?: number;
                    /** @description How many of them are left. */
                    "RateLimit-Remaining"?: number;
                    /** @description Seconds until all of them are available again. */
                    "RateLimit-Reset"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `origin-rejected`: The cookie is not for this origin. */
            403: {
                headers: {
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    /** @description Requests a minute that one IP address or network may make, where this request was counted for one; at a 429 also those of one session. */
                    "RateLimit-Limit"?: number;
                    /** @description How many of them are left. */
                    "RateLimit-Remaining"?: number;
                    /** @description Seconds until all of them are available again. */
                    "RateLimit-Reset"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `request-timeout`: The request took too long to arrive. */
            408: {
                headers: {
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `payload-too-large`: The body is too large. */
            413: {
                headers: {
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    /** @description Requests a minute that one IP address or network may make, where this request was counted for one; at a 429 also those of one session. */
                    "RateLimit-Limit"?: number;
                    /** @description How many of them are left. */
                    "RateLimit-Remaining"?: number;
                    /** @description Seconds until all of them are available again. */
                    "RateLimit-Reset"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unsupported-media-type`: The body must be JSON in UTF-8. */
            415: {
                headers: {
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    /** @description Requests a minute that one IP address or network may make, where this request was counted for one; at a 429 also those of one session. */
                    "RateLimit-Limit"?: number;
                    /** @description How many of them are left. */
                    "RateLimit-Remaining"?: number;
                    /** @description Seconds until all of them are available again. */
                    "RateLimit-Reset"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `too-many-requests`: Too many requests; wait and try again. Limited are the mails to one email address, the requests a minute of one IP address or session, and the changes of a password; `detail` says which it was. Wait the number of seconds in `Retry-After`. Earlier requests are refused too. */
            429: {
                headers: {
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    "Retry-After": components["headers"]["Retry-After"];
                    /** @description Requests a minute that one IP address or network may make, where this request was counted for one; at a 429 also those of one session. */
                    "RateLimit-Limit"?: number;
                    /** @description How many of them are left. */
                    "RateLimit-Remaining"?: number;
                    /** @description Seconds until all of them are available again. */
                    "RateLimit-Reset"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `headers-too-large`: The headers are too large. */
            431: {
                headers: {
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `internal`: Internal error. */
            500: {
                headers: {
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    /** @description Requests a minute that one IP address or network may make, where this request was counted for one; at a 429 also those of one session. */
                    "RateLimit-Limit"?: number;
                    /** @description How many of them are left. */
                    "RateLimit-Remaining"?: number;
                    /** @description Seconds until all of them are available again. */
                    "RateLimit-Reset"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unavailable`: The service cannot answer right now. */
            503: {
                headers: {
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    "Retry-After": components["headers"]["Retry-After"];
                    /** @description Requests a minute that one IP address or network may make, where this request was counted for one; at a 429 also those of one session. */
                    "RateLimit-Limit"?: number;
                    /** @description How many of them are left. */
                    "RateLimit-Remaining"?: number;
                    /** @description Seconds until all of them are available again. */
                    "RateLimit-Reset"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    loginWithPassword: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "email": "maya@example.com",
                 *       "password": "sieben Zwetschgen im Korb"
                 *     }
                 */
                "application/json": {
                    /**
                     * @description One plain address as a person types it, of at most 254 characters; spaces around it are ignored.
                     * @example maya@example.com
                     */
                    email: string;
                    /**
                     * @description As typed. Composed and decomposed letters count as the same.
                     * @example sieben Zwetschgen im Korb
                     */
                    password: string;
                    /**
                     * @description The `device_token` of an earlier sign-in. A known device has limits of its own; an unknown one is treated as a stranger, and nothing worse.
                     * @example dev_jZYkQAGiBF4zenNYqWI3xcbRVMNkQpC1u5mXw7dBFh8wkN2sYt0oQe5rL3aXc9Pn
                     */
                    device_token?: string;
                    /**
                     * @description `bearer` (the default): the refresh token is in the answer. `cookie`: it is in an HttpOnly cookie, and the request must come from an allowed origin on the same site.
                     * @example bearer
                     * @enum {string}
                     */
                    session_transport?: "bearer" | "cookie";
                };
            };
        };
        responses: {
            /** @description Signed in. */
            200: {
                headers: {
                    /** @description In cookie mode: `__Host-postern_refresh` with the refresh token; HttpOnly, Secure, SameSite=Lax, Path=/, Max-Age as `refresh_expires_in`. */
                    "Set-Cookie"?: string;
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    /** @description Requests a minute that one IP address or network may make, where this request was counted for one; at a 429 also those of one session. */
                    "RateLimit-Limit"?: number;
                    /** @description How many of them are left. */
                    "RateLimit-Remaining"?: number;
                    /** @description Seconds until all of them are available again. */
                    "RateLimit-Reset"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Session"];
                };
            };
            /** @description `invalid-request`: The request does not match the contract. */
            400: {
                headers: {
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    /** @description Requests a minute that one IP address or network may make, where this request was counted for one; at a 429 also those of one session. */
                    "RateLimit-Limit"?: number;
                    /** @description How many of them are left. */
                    "RateLimit-Remaining"?: number;
                    /** @description Seconds until all of them are available again. */
                    "RateLimit-Reset"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `credentials-rejected`: The address or the password is not right. */
            401: {
                headers: {
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    "WWW-Authenticate": components["headers"]["WWW-Authenticate"];
                    /** @description Requests a minute that one IP address or network may make, where this request was counted for one; at a 429 also those of one session. */
                    "RateLimit-Limit"?: number;
                    /** @description How many of them are left. */
                    "RateLimit-Remaining"?: number;
                    /** @description Seconds until all of them are available again. */
                    "RateLimit-Reset"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `code-required`: A mailed code is required as well. `origin-rejected`: The cookie is not for this origin. */
            403: {
                headers: {
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    /** @description Requests a minute that one IP address or network may make, where this request was counted for one; at a 429 also those of one session. */
                    "RateLimit-Limit"?: number;
                    /** @description How many of them are left. */
                    "RateLimit-Remaining"?: number;
                    /** @description Seconds until all of them are available again. */
                    "RateLimit-Reset"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `request-timeout`: The request took too long to arrive. */
            408: {
                headers: {
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `payload-too-large`: The body is too large. */
            413: {
                headers: {
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    /** @description Requests a minute that one IP address or network may make, where this request was counted for one; at a 429 also those of one session. */
                    "RateLimit-Limit"?: number;
                    /** @description How many of them are left. */
                    "RateLimit-Remaining"?: number;
                    /** @description Seconds until all of them are available again. */
                    "RateLimit-Reset"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unsupported-media-type`: The body must be JSON in UTF-8. */
            415: {
                headers: {
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    /** @description Requests a minute that one IP address or network may make, where this request was counted for one; at a 429 also those of one session. */
                    "RateLimit-Limit"?: number;
                    /** @description How many of them are left. */
                    "RateLimit-Remaining"?: number;
                    /** @description Seconds until all of them are available again. */
                    "RateLimit-Reset"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `too-many-requests`: Too many requests; wait and try again. Limited are the mails to one email address, the requests a minute of one IP address or session, and the changes of a password; `detail` says which it was. Wait the number of seconds in `Retry-After`. Earlier requests are refused too. */
            429: {
                headers: {
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    "Retry-After": components["headers"]["Retry-After"];
                    /** @description Requests a minute that one IP address or network may make, where this request was counted for one; at a 429 also those of one session. */
                    "RateLimit-Limit"?: number;
                    /** @description How many of them are left. */
                    "RateLimit-Remaining"?: number;
                    /** @description Seconds until all of them are available again. */
                    "RateLimit-Reset"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `headers-too-large`: The headers are too large. */
            431: {
                headers: {
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `internal`: Internal error. */
            500: {
                headers: {
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    /** @description Requests a minute that one IP address or network may make, where this request was counted for one; at a 429 also those of one session. */
                    "RateLimit-Limit"?: number;
                    /** @description How many of them are left. */
                    "RateLimit-Remaining"?: number;
                    /** @description Seconds until all of them are available again. */
                    "RateLimit-Reset"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unavailable`: The service cannot answer right now. */
            503: {
                headers: {
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    "Retry-After": components["headers"]["Retry-After"];
                    /** @description Requests a minute that one IP address or network may make, where this request was counted for one; at a 429 also those of one session. */
                    "RateLimit-Limit"?: number;
                    /** @description How many of them are left. */
                    "RateLimit-Remaining"?: number;
                    /** @description Seconds until all of them are available again. */
                    "RateLimit-Reset"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    requestPasswordReset: {
        parameters: {
            query?: never;
            header?: {
                /** @description A random UUID, the same for every try of one request: a retry after a lost reply is then answered as the first try was. At /v1/otp/verify and /v1/password/reset that holds for a minute; later the code or the link is spent, and refused. A different request needs a different one. */
                "idempotency-key"?: string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "email": "maya@example.com"
                 *     }
                 */
                "application/json": {
                    /**
                     * @description One plain address as a person types it, of at most 254 characters; spaces around it are ignored.
                     * @example maya@example.com
                     */
                    email: string;
                    /**
                     * @description A language tag (BCP 47). Mails are written in the closest language that has templates.
                     * @example fr-CH
                     */
                    locale?: string;
                    /**
                     * @description The `device_token` of an earlier sign-in. A known device has limits of its own; an unknown one is treated as a stranger, and nothing worse.
                     * @example dev_jZYkQAGiBF4zenNYqWI3xcbRVMNkQpC1u5mXw7dBFh8wkN2sYt0oQe5rL3aXc9Pn
                     */
                    device_token?: string;
                };
            };
        };
        responses: {
            /** @description The link is on its way, if there is an account. */
            202: {
                headers: {
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    /** @description Requests a minute that one IP address or network may make, where this request was counted for one; at a 429 also those of one session. */
                    "RateLimit-Limit"?: number;
                    /** @description How many of them are left. */
                    "RateLimit-Remaining"?: number;
                    /** @description Seconds until all of them are available again. */
                    "RateLimit-Reset"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["PasswordResetRequested"];
                };
            };
            /** @description `invalid-request`: The request does not match the contract. */
            400: {
                headers: {
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    /** @description Requests a minute that one IP address or network may make, where this request was counted for one; at a 429 also those of one session. */
                    "RateLimit-Limit"?: number;
                    /** @description How many of them are left. */
                    "RateLimit-Remaining"?: number;
                    /** @description Seconds until all of them are available again. */
                    "RateLimit-Reset"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `request-timeout`: The request took too long to arrive. */
            408: {
                headers: {
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `payload-too-large`: The body is too large. */
            413: {
                headers: {
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    /** @description Requests a minute that one IP address or network may make, where this request was counted for one; at a 429 also those of one session. */
                    "RateLimit-Limit"?: number;
                    /** @description How many of them are left. */
                    "RateLimit-Remaining"?: number;
                    /** @description Seconds until all of them are available again. */
                    "RateLimit-Reset"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unsupported-media-type`: The body must be JSON in UTF-8. */
            415: {
                headers: {
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    /** @description Requests a minute that one IP address or network may make, where this request was counted for one; at a 429 also those of one session. */
                    "RateLimit-Limit"?: number;
                    /** @description How many of them are left. */
                    "RateLimit-Remaining"?: number;
                    /** @description Seconds until all of them are available again. */
                    "RateLimit-Reset"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `too-many-requests`: Too many requests; wait and try again. Limited are the mails to one email address, the requests a minute of one IP address or session, and the changes of a password; `detail` says which it was. Wait the number of seconds in `Retry-After`. Earlier requests are refused too. */
            429: {
                headers: {
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    "Retry-After": components["headers"]["Retry-After"];
                    /** @description Requests a minute that one IP address or network may make, where this request was counted for one; at a 429 also those of one session. */
                    "RateLimit-Limit"?: number;
                    /** @description How many of them are left. */
                    "RateLimit-Remaining"?: number;
                    /** @description Seconds until all of them are available again. */
                    "RateLimit-Reset"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `headers-too-large`: The headers are too large. */
            431: {
                headers: {
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `internal`: Internal error. */
            500: {
                headers: {
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    /** @description Requests a minute that one IP address or network may make, where this request was counted for one; at a 429 also those of one session. */
                    "RateLimit-Limit"?: number;
                    /** @description How many of them are left. */
                    "RateLimit-Remaining"?: number;
                    /** @description Seconds until all of them are available again. */
                    "RateLimit-Reset"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unavailable`: The service cannot answer right now. */
            503: {
                headers: {
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    "Retry-After": components["headers"]["Retry-After"];
                    /** @description Requests a minute that one IP address or network may make, where this request was counted for one; at a 429 also those of one session. */
                    "RateLimit-Limit"?: number;
                    /** @description How many of them are left. */
                    "RateLimit-Remaining"?: number;
                    /** @description Seconds until all of them are available again. */
                    "RateLimit-Reset"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    inspectPasswordReset: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "token": "rst_jZYkQAGiBF4zenNYqWI3xcbRVMPwBgAhFaPeUYf2LsmqTx"
                 *     }
                 */
                "application/json": {
                    /** @example rst_jZYkQAGiBF4zenNYqWI3xcbRVMPwBgAhFaPeUYf2LsmqTx */
                    token: string;
                };
            };
        };
        responses: {
            /** @description The link is valid. */
            200: {
                headers: {
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    /** @description Requests a minute that one IP address or network may make, where this request was counted for one; at a 429 also those of one session. */
                    "RateLimit-Limit"?: number;
                    /** @description How many of them are left. */
                    "RateLimit-Remaining"?: number;
                    /** @description Seconds until all of them are available again. */
                    "RateLimit-Reset"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["PasswordResetLink"];
                };
            };
            /** @description `invalid-request`: The request does not match the contract. */
            400: {
                headers: {
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    /** @description Requests a minute that one IP address or network may make, where this request was counted for one; at a 429 also those of one session. */
                    "RateLimit-Limit"?: number;
                    /** @description How many of them are left. */
                    "RateLimit-Remaining"?: number;
                    /** @description Seconds until all of them are available again. */
                    "RateLimit-Reset"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `reset-rejected`: The link is not valid. */
            401: {
                headers: {
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    "WWW-Authenticate": components["headers"]["WWW-Authenticate"];
                    /** @description Requests a minute that one IP address or network may make, where this request was counted for one; at a 429 also those of one session. */
                    "RateLimit-Limit"?: number;
                    /** @description How many of them are left. */
                    "RateLimit-Remaining"?: number;
                    /** @description Seconds until all of them are available again. */
                    "RateLimit-Reset"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `request-timeout`: The request took too long to arrive. */
            408: {
                headers: {
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `payload-too-large`: The body is too large. */
            413: {
                headers: {
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    /** @description Requests a minute that one IP address or network may make, where this request was counted for one; at a 429 also those of one session. */
                    "RateLimit-Limit"?: number;
                    /** @description How many of them are left. */
                    "RateLimit-Remaining"?: number;
                    /** @description Seconds until all of them are available again. */
                    "RateLimit-Reset"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unsupported-media-type`: The body must be JSON in UTF-8. */
            415: {
                headers: {
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    /** @description Requests a minute that one IP address or network may make, where this request was counted for one; at a 429 also those of one session. */
                    "RateLimit-Limit"?: number;
                    /** @description How many of them are left. */
                    "RateLimit-Remaining"?: number;
                    /** @description Seconds until all of them are available again. */
                    "RateLimit-Reset"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `too-many-requests`: Too many requests; wait and try again. Limited are the mails to one email address, the requests a minute of one IP address or session, and the changes of a password; `detail` says which it was. Wait the number of seconds in `Retry-After`. Earlier requests are refused too. */
            429: {
                headers: {
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    "Retry-After": components["headers"]["Retry-After"];
                    /** @description Requests a minute that one IP address or network may make, where this request was counted for one; at a 429 also those of one session. */
                    "RateLimit-Limit"?: number;
                    /** @description How many of them are left. */
                    "RateLimit-Remaining"?: number;
                    /** @description Seconds until all of them are available again. */
                    "RateLimit-Reset"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `headers-too-large`: The headers are too large. */
            431: {
                headers: {
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `internal`: Internal error. */
            500: {
                headers: {
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    /** @description Requests a minute that one IP address or network may make, where this request was counted for one; at a 429 also those of one session. */
                    "RateLimit-Limit"?: number;
                    /** @description How many of them are left. */
                    "RateLimit-Remaining"?: number;
                    /** @description Seconds until all of them are available again. */
                    "RateLimit-Reset"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unavailable`: The service cannot answer right now. */
            503: {
                headers: {
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    "Retry-After": components["headers"]["Retry-After"];
                    /** @description Requests a minute that one IP address or network may make, where this request was counted for one; at a 429 also those of one session. */
                    "RateLimit-Limit"?: number;
                    /** @description How many of them are left. */
                    "RateLimit-Remaining"?: number;
                    /** @description Seconds until all of them are available again. */
                    "RateLimit-Reset"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    resetPassword: {
        parameters: {
            query?: never;
            header?: {
                /** @description A random UUID, the same for every try of one request: a retry after a lost reply is then answered as the first try was. At /v1/otp/verify and /v1/password/reset that holds for a minute; later the code or the link is spent, and refused. A different request needs a different one. */
                "idempotency-key"?: string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "token": "rst_jZYkQAGiBF4zenNYqWI3xcbRVMPwBgAhFaPeUYf2LsmqTx",
                 *       "password": "sieben Zwetschgen im Korb"
                 *     }
                 */
                "application/json": {
                    /** @example rst_jZYkQAGiBF4zenNYqWI3xcbRVMPwBgAhFaPeUYf2LsmqTx */
                    token: string;
                    /**
                     * @description At least 15 characters, or what the operator has set, and at most 1,024 bytes. Spaces and all letters are fine.
                     * @example sieben Zwetschgen im Korb
                     */
                    password: string;
                };
            };
        };
        responses: {
            /** @description The password is set, and all sessions have ended. */
            200: {
                headers: {
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    /** @description Requests a minute that one IP address or network may make, where this request was counted for one; at a 429 also those of one session. */
                    "RateLimit-Limit"?: number;
                    /** @description How many of them are left. */
                    "RateLimit-Remaining"?: number;
                    /** @description Seconds until all of them are available again. */
                    "RateLimit-Reset"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["PasswordReset"];
                };
            };
            /** @description `invalid-request`: The request does not match the contract. */
            400: {
                headers: {
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    /** @description Requests a minute that one IP address or network may make, where this request was counted for one; at a 429 also those of one session. */
                    "RateLimit-Limit"?: number;
                    /** @description How many of them are left. */
                    "RateLimit-Remaining"?: number;
                    /** @description Seconds until all of them are available again. */
                    "RateLimit-Reset"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `reset-rejected`: The link is not valid. */
            401: {
                headers: {
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    "WWW-Authenticate": components["headers"]["WWW-Authenticate"];
                    /** @description Requests a minute that one IP address or network may make, where this request was counted for one; at a 429 also those of one session. */
                    "RateLimit-Limit"?: number;
                    /** @description How many of them are left. */
                    "RateLimit-Remaining"?: number;
                    /** @description Seconds until all of them are available again. */
                    "RateLimit-Reset"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `request-timeout`: The request took too long to arrive. */
            408: {
                headers: {
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `payload-too-large`: The body is too large. */
            413: {
                headers: {
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    /** @description Requests a minute that one IP address or network may make, where this request was counted for one; at a 429 also those of one session. */
                    "RateLimit-Limit"?: number;
                    /** @description How many of them are left. */
                    "RateLimit-Remaining"?: number;
                    /** @description Seconds until all of them are available again. */
                    "RateLimit-Reset"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unsupported-media-type`: The body must be JSON in UTF-8. */
            415: {
                headers: {
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    /** @description Requests a minute that one IP address or network may make, where this request was counted for one; at a 429 also those of one session. */
                    "RateLimit-Limit"?: number;
                    /** @description How many of them are left. */
                    "RateLimit-Remaining"?: number;
                    /** @description Seconds until all of them are available again. */
                    "RateLimit-Reset"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `password-refused`: The password is not good enough. `reason` says why: `too_short` (`min_length` says what is enough), `too_long`, `common` (one of those that are guessed first), `personal` (made of the address or the name of the service) or `breached` (seen in a leak). Nothing was used up; let the person choose another. */
            422: {
                headers: {
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    /** @description Requests a minute that one IP address or network may make, where this request was counted for one; at a 429 also those of one session. */
                    "RateLimit-Limit"?: number;
                    /** @description How many of them are left. */
                    "RateLimit-Remaining"?: number;
                    /** @description Seconds until all of them are available again. */
                    "RateLimit-Reset"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `too-many-requests`: Too many requests; wait and try again. Limited are the mails to one email address, the requests a minute of one IP address or session, and the changes of a password; `detail` says which it was. Wait the number of seconds in `Retry-After`. Earlier requests are refused too. */
            429: {
                headers: {
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    "Retry-After": components["headers"]["Retry-After"];
                    /** @description Requests a minute that one IP address or network may make, where this request was counted for one; at a 429 also those of one session. */
                    "RateLimit-Limit"?: number;
                    /** @description How many of them are left. */
                    "RateLimit-Remaining"?: number;
                    /** @description Seconds until all of them are available again. */
                    "RateLimit-Reset"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `headers-too-large`: The headers are too large. */
            431: {
                headers: {
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `internal`: Internal error. */
            500: {
                headers: {
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    /** @description Requests a minute that one IP address or network may make, where this request was counted for one; at a 429 also those of one session. */
                    "RateLimit-Limit"?: number;
                    /** @description How many of them are left. */
                    "RateLimit-Remaining"?: number;
                    /** @description Seconds until all of them are available again. */
                    "RateLimit-Reset"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unavailable`: The service cannot answer right now. */
            503: {
                headers: {
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    "Retry-After": components["headers"]["Retry-After"];
                    /** @description Requests a minute that one IP address or network may make, where this request was counted for one; at a 429 also those of one session. */
                    "RateLimit-Limit"?: number;
                    /** @description How many of them are left. */
                    "RateLimit-Remaining"?: number;
                    /** @description Seconds until all of them are available again. */
                    "RateLimit-Reset"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    changePassword: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "current_password": "sechs Zwetschgen im Korb",
                 *       "password": "sieben Zwetschgen im Korb"
                 *     }
                 */
                "application/json": {
                    /**
                     * @description As typed. Composed and decomposed letters count as the same.
                     * @example sieben Zwetschgen im Korb
                     */
                    current_password?: string;
                    /**
                     * @description At least 15 characters, or what the operator has set, and at most 1,024 bytes. Spaces and all letters are fine.
                     * @example sieben Zwetschgen im Korb
                     */
                    password: string;
                };
            };
        };
        responses: {
            /** @description How many sessions were ended. */
            200: {
                headers: {
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    /** @description Requests a minute that one IP address or network may make, where this request was counted for one; at a 429 also those of one session. */
                    "RateLimit-Limit"?: number;
                    /** @description How many of them are left. */
                    "RateLimit-Remaining"?: number;
                    /** @description Seconds until all of them are available again. */
                    "RateLimit-Reset"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["SessionsEnded"];
                };
            };
            /** @description `invalid-request`: The request does not match the contract. */
            400: {
                headers: {
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    /** @description Requests a minute that one IP address or network may make, where this request was counted for one; at a 429 also those of one session. */
                    "RateLimit-Limit"?: number;
                    /** @description How many of them are left. */
                    "RateLimit-Remaining"?: number;
                    /** @description Seconds until all of them are available again. */
                    "RateLimit-Reset"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `session-rejected`: The session is not valid. `credentials-rejected`: The address or the password is not right. */
            401: {
                headers: {
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    "WWW-Authenticate": components["headers"]["WWW-Authenticate"];
                    /** @description Requests a minute that one IP address or network may make, where this request was counted for one; at a 429 also those of one session. */
                    "RateLimit-Limit"?: number;
                    /** @description How many of them are left. */
                    "RateLimit-Remaining"?: number;
                    /** @description Seconds until all of them are available again. */
                    "RateLimit-Reset"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `step-up-required`: Sign in again first. `test-session`: A test account has no password. */
            403: {
                headers: {
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    /** @description Requests a minute that one IP address or network may make, where this request was counted for one; at a 429 also those of one session. */
                    "RateLimit-Limit"?: number;
                    /** @description How many of them are left. */
                    "RateLimit-Remaining"?: number;
                    /** @description Seconds until all of them are available again. */
                    "RateLimit-Reset"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `request-timeout`: The request took too long to arrive. */
            408: {
                headers: {
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `payload-too-large`: The body is too large. */
            413: {
                headers: {
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    /** @description Requests a minute that one IP address or network may make, where this request was counted for one; at a 429 also those of one session. */
                    "RateLimit-Limit"?: number;
                    /** @description How many of them are left. */
                    "RateLimit-Remaining"?: number;
                    /** @description Seconds until all of them are available again. */
                    "RateLimit-Reset"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unsupported-media-type`: The body must be JSON in UTF-8. */
            415: {
                headers: {
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    /** @description Requests a minute that one IP address or network may make, where this request was counted for one; at a 429 also those of one session. */
                    "RateLimit-Limit"?: number;
                    /** @description How many of them are left. */
                    "RateLimit-Remaining"?: number;
                    /** @description Seconds until all of them are available again. */
                    "RateLimit-Reset"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `password-refused`: The password is not good enough. `reason` says why: `too_short` (`min_length` says what is enough), `too_long`, `common` (one of those that are guessed first), `personal` (made of the address or the name of the service) or `breached` (seen in a leak). Nothing was used up; let the person choose another. */
            422: {
                headers: {
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    /** @description Requests a minute that one IP address or network may make, where this request was counted for one; at a 429 also those of one session. */
                    "RateLimit-Limit"?: number;
                    /** @description How many of them are left. */
                    "RateLimit-Remaining"?: number;
                    /** @description Seconds until all of them are available again. */
                    "RateLimit-Reset"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `too-many-requests`: Too many requests; wait and try again. Limited are the mails to one email address, the requests a minute of one IP address or session, and the changes of a password; `detail` says which it was. Wait the number of seconds in `Retry-After`. Earlier requests are refused too. */
            429: {
                headers: {
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    "Retry-After": components["headers"]["Retry-After"];
                    /** @description Requests a minute that one IP address or network may make, where this request was counted for one; at a 429 also those of one session. */
                    "RateLimit-Limit"?: number;
                    /** @description How many of them are left. */
                    "RateLimit-Remaining"?: number;
                    /** @description Seconds until all of them are available again. */
                    "RateLimit-Reset"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `headers-too-large`: The headers are too large. */
            431: {
                headers: {
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `internal`: Internal error. */
            500: {
                headers: {
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    /** @description Requests a minute that one IP address or network may make, where this request was counted for one; at a 429 also those of one session. */
                    "RateLimit-Limit"?: number;
                    /** @description How many of them are left. */
                    "RateLimit-Remaining"?: number;
                    /** @description Seconds until all of them are available again. */
                    "RateLimit-Reset"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unavailable`: The service cannot answer right now. */
            503: {
                headers: {
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    "Retry-After": components["headers"]["Retry-After"];
                    /** @description Requests a minute that one IP address or network may make, where this request was counted for one; at a 429 also those of one session. */
                    "RateLimit-Limit"?: number;
                    /** @description How many of them are left. */
                    "RateLimit-Remaining"?: number;
                    /** @description Seconds until all of them are available again. */
                    "RateLimit-Reset"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    refreshSession: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: {
            content: {
                /**
                 * @example {
                 *       "refresh_token": "rfr_jZYkQAGiBF4zenNYqWI3xcbRVMMAAAABq0aZ1l9v2kQpC1u5mXw7dBFh8wkN2sYt0oQe5rL3"
                 *     }
                 */
                "application/json": {
                    /** @example rfr_jZYkQAGiBF4zenNYqWI3xcbRVMMAAAABq0aZ1l9v2kQpC1u5mXw7dBFh8wkN2sYt0oQe5rL3 */
                    refresh_token?: string;
                };
            };
        };
        responses: {
            /** @description The current pair of tokens. */
            200: {
                headers: {
                    /** @description In cookie mode: `__Host-postern_refresh` with the refresh token; HttpOnly, Secure, SameSite=Lax, Path=/, Max-Age as `refresh_expires_in`. */
                    "Set-Cookie"?: string;
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Session"];
                };
            };
            /** @description `invalid-request`: The request does not match the contract. */
            400: {
                headers: {
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    /** @description Requests a minute that one IP address or network may make, where this request was counted for one; at a 429 also those of one session. */
                    "RateLimit-Limit"?: number;
                    /** @description How many of them are left. */
                    "RateLimit-Remaining"?: number;
                    /** @description Seconds until all of them are available again. */
                    "RateLimit-Reset"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `refresh-rejected`: The refresh token is not valid. */
            401: {
                headers: {
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    "WWW-Authenticate": components["headers"]["WWW-Authenticate"];
                    /** @description Requests a minute that one IP address or network may make, where this request was counted for one; at a 429 also those of one session. */
                    "RateLimit-Limit"?: number;
                    /** @description How many of them are left. */
                    "RateLimit-Remaining"?: number;
                    /** @description Seconds until all of them are available again. */
                    "RateLimit-Reset"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `origin-rejected`: The cookie is not for this origin. */
            403: {
                headers: {
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    /** @description Requests a minute that one IP address or network may make, where this request was counted for one; at a 429 also those of one session. */
                    "RateLimit-Limit"?: number;
                    /** @description How many of them are left. */
                    "RateLimit-Remaining"?: number;
                    /** @description Seconds until all of them are available again. */
                    "RateLimit-Reset"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `request-timeout`: The request took too long to arrive. */
            408: {
                headers: {
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `payload-too-large`: The body is too large. */
            413: {
                headers: {
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unsupported-media-type`: The body must be JSON in UTF-8. */
            415: {
                headers: {
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `too-many-requests`: Too many requests; wait and try again. Limited are the mails to one email address, the requests a minute of one IP address or session, and the changes of a password; `detail` says which it was. Wait the number of seconds in `Retry-After`. Earlier requests are refused too. */
            429: {
                headers: {
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    "Retry-After": components["headers"]["Retry-After"];
                    /** @description Requests a minute that one IP address or network may make, where this request was counted for one; at a 429 also those of one session. */
                    "RateLimit-Limit"?: number;
                    /** @description How many of them are left. */
                    "RateLimit-Remaining"?: number;
                    /** @description Seconds until all of them are available again. */
                    "RateLimit-Reset"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `headers-too-large`: The headers are too large. */
            431: {
                headers: {
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `internal`: Internal error. */
            500: {
                headers: {
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unavailable`: The service cannot answer right now. */
            503: {
                headers: {
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    "Retry-After": components["headers"]["Retry-After"];
                    /** @description Requests a minute that one IP address or network may make, where this request was counted for one; at a 429 also those of one session. */
                    "RateLimit-Limit"?: number;
                    /** @description How many of them are left. */
                    "RateLimit-Remaining"?: number;
                    /** @description Seconds until all of them are available again. */
                    "RateLimit-Reset"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    logout: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: {
            content: {
                /**
                 * @example {
                 *       "refresh_token": "rfr_jZYkQAGiBF4zenNYqWI3xcbRVMMAAAABq0aZ1l9v2kQpC1u5mXw7dBFh8wkN2sYt0oQe5rL3"
                 *     }
                 */
                "application/json": {
                    /** @example rfr_jZYkQAGiBF4zenNYqWI3xcbRVMMAAAABq0aZ1l9v2kQpC1u5mXw7dBFh8wkN2sYt0oQe5rL3 */
                    refresh_token?: string;
                };
            };
        };
        responses: {
            /** @description Done; the answer has no body. */
            204: {
                headers: {
                    /** @description When the cookie was used, or was the ended session's: `__Host-postern_refresh`, empty and expired. */
                    "Set-Cookie"?: string;
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    /** @description Requests a minute that one IP address or network may make, where this request was counted for one; at a 429 also those of one session. */
                    "RateLimit-Limit"?: number;
                    /** @description How many of them are left. */
                    "RateLimit-Remaining"?: number;
                    /** @description Seconds until all of them are available again. */
                    "RateLimit-Reset"?: number;
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description `invalid-request`: The request does not match the contract. */
            400: {
                headers: {
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    /** @description Requests a minute that one IP address or network may make, where this request was counted for one; at a 429 also those of one session. */
                    "RateLimit-Limit"?: number;
                    /** @description How many of them are left. */
                    "RateLimit-Remaining"?: number;
                    /** @description Seconds until all of them are available again. */
                    "RateLimit-Reset"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `refresh-rejected`: The refresh token is not valid. `session-rejected`: The session is not valid. */
            401: {
                headers: {
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    "WWW-Authenticate": components["headers"]["WWW-Authenticate"];
                    /** @description Requests a minute that one IP address or network may make, where this request was counted for one; at a 429 also those of one session. */
                    "RateLimit-Limit"?: number;
                    /** @description How many of them are left. */
                    "RateLimit-Remaining"?: number;
                    /** @description Seconds until all of them are available again. */
                    "RateLimit-Reset"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `origin-rejected`: The cookie is not for this origin. */
            403: {
                headers: {
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    /** @description Requests a minute that one IP address or network may make, where this request was counted for one; at a 429 also those of one session. */
                    "RateLimit-Limit"?: number;
                    /** @description How many of them are left. */
                    "RateLimit-Remaining"?: number;
                    /** @description Seconds until all of them are available again. */
                    "RateLimit-Reset"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `request-timeout`: The request took too long to arrive. */
            408: {
                headers: {
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `payload-too-large`: The body is too large. */
            413: {
                headers: {
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unsupported-media-type`: The body must be JSON in UTF-8. */
            415: {
                headers: {
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `too-many-requests`: Too many requests; wait and try again. Limited are the mails to one email address, the requests a minute of one IP address or session, and the changes of a password; `detail` says which it was. Wait the number of seconds in `Retry-After`. Earlier requests are refused too. */
            429: {
                headers: {
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    "Retry-After": components["headers"]["Retry-After"];
                    /** @description Requests a minute that one IP address or network may make, where this request was counted for one; at a 429 also those of one session. */
                    "RateLimit-Limit"?: number;
                    /** @description How many of them are left. */
                    "RateLimit-Remaining"?: number;
                    /** @description Seconds until all of them are available again. */
                    "RateLimit-Reset"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `headers-too-large`: The headers are too large. */
            431: {
                headers: {
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `internal`: Internal error. */
            500: {
                headers: {
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unavailable`: The service cannot answer right now. */
            503: {
                headers: {
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    "Retry-After": components["headers"]["Retry-After"];
                    /** @description Requests a minute that one IP address or network may make, where this request was counted for one; at a 429 also those of one session. */
                    "RateLimit-Limit"?: number;
                    /** @description How many of them are left. */
                    "RateLimit-Remaining"?: number;
                    /** @description Seconds until all of them are available again. */
                    "RateLimit-Reset"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    getSession: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The session and its user. */
            200: {
                headers: {
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["CurrentSession"];
                };
            };
            /** @description `invalid-request`: The request does not match the contract. */
            400: {
                headers: {
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `session-rejected`: The session is not valid. */
            401: {
                headers: {
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    "WWW-Authenticate": components["headers"]["WWW-Authenticate"];
                    /** @description Requests a minute that one IP address or network may make, where this request was counted for one; at a 429 also those of one session. */
                    "RateLimit-Limit"?: number;
                    /** @description How many of them are left. */
                    "RateLimit-Remaining"?: number;
                    /** @description Seconds until all of them are available again. */
                    "RateLimit-Reset"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `request-timeout`: The request took too long to arrive. */
            408: {
                headers: {
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `too-many-requests`: Too many requests; wait and try again. Limited are the mails to one email address, the requests a minute of one IP address or session, and the changes of a password; `detail` says which it was. Wait the number of seconds in `Retry-After`. Earlier requests are refused too. */
            429: {
                headers: {
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    "Retry-After": components["headers"]["Retry-After"];
                    /** @description Requests a minute that one IP address or network may make, where this request was counted for one; at a 429 also those of one session. */
                    "RateLimit-Limit"?: number;
                    /** @description How many of them are left. */
                    "RateLimit-Remaining"?: number;
                    /** @description Seconds until all of them are available again. */
                    "RateLimit-Reset"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `headers-too-large`: The headers are too large. */
            431: {
                headers: {
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `internal`: Internal error. */
            500: {
                headers: {
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unavailable`: The service cannot answer right now. */
            503: {
                headers: {
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    listSessions: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The live sessions. */
            200: {
                headers: {
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["SessionList"];
                };
            };
            /** @description `invalid-request`: The request does not match the contract. */
            400: {
                headers: {
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `session-rejected`: The session is not valid. */
            401: {
                headers: {
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    "WWW-Authenticate": components["headers"]["WWW-Authenticate"];
                    /** @description Requests a minute that one IP address or network may make, where this request was counted for one; at a 429 also those of one session. */
                    "RateLimit-Limit"?: number;
                    /** @description How many of them are left. */
                    "RateLimit-Remaining"?: number;
                    /** @description Seconds until all of them are available again. */
                    "RateLimit-Reset"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `request-timeout`: The request took too long to arrive. */
            408: {
                headers: {
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `too-many-requests`: Too many requests; wait and try again. Limited are the mails to one email address, the requests a minute of one IP address or session, and the changes of a password; `detail` says which it was. Wait the number of seconds in `Retry-After`. Earlier requests are refused too. */
            429: {
                headers: {
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    "Retry-After": components["headers"]["Retry-After"];
                    /** @description Requests a minute that one IP address or network may make, where this request was counted for one; at a 429 also those of one session. */
                    "RateLimit-Limit"?: number;
                    /** @description How many of them are left. */
                    "RateLimit-Remaining"?: number;
                    /** @description Seconds until all of them are available again. */
                    "RateLimit-Reset"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `headers-too-large`: The headers are too large. */
            431: {
                headers: {
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `internal`: Internal error. */
            500: {
                headers: {
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unavailable`: The service cannot answer right now. */
            503: {
                headers: {
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    endOtherSessions: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description How many sessions were ended. */
            200: {
                headers: {
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["SessionsEnded"];
                };
            };
            /** @description `invalid-request`: The request does not match the contract. */
            400: {
                headers: {
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `session-rejected`: The session is not valid. */
            401: {
                headers: {
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    "WWW-Authenticate": components["headers"]["WWW-Authenticate"];
                    /** @description Requests a minute that one IP address or network may make, where this request was counted for one; at a 429 also those of one session. */
                    "RateLimit-Limit"?: number;
                    /** @description How many of them are left. */
                    "RateLimit-Remaining"?: number;
                    /** @description Seconds until all of them are available again. */
                    "RateLimit-Reset"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `request-timeout`: The request took too long to arrive. */
            408: {
                headers: {
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `payload-too-large`: The body is too large. */
            413: {
                headers: {
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unsupported-media-type`: The body must be JSON in UTF-8. */
            415: {
                headers: {
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `too-many-requests`: Too many requests; wait and try again. Limited are the mails to one email address, the requests a minute of one IP address or session, and the changes of a password; `detail` says which it was. Wait the number of seconds in `Retry-After`. Earlier requests are refused too. */
            429: {
                headers: {
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    "Retry-After": components["headers"]["Retry-After"];
                    /** @description Requests a minute that one IP address or network may make, where this request was counted for one; at a 429 also those of one session. */
                    "RateLimit-Limit"?: number;
                    /** @description How many of them are left. */
                    "RateLimit-Remaining"?: number;
                    /** @description Seconds until all of them are available again. */
                    "RateLimit-Reset"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `headers-too-large`: The headers are too large. */
            431: {
                headers: {
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `internal`: Internal error. */
            500: {
                headers: {
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unavailable`: The service cannot answer right now. */
            503: {
                headers: {
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    endSession: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description From the list of sessions. */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Done; the answer has no body. */
            204: {
                headers: {
                    /** @description When the cookie was used, or was the ended session's: `__Host-postern_refresh`, empty and expired. */
                    "Set-Cookie"?: string;
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description `invalid-request`: The request does not match the contract. */
            400: {
                headers: {
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `session-rejected`: The session is not valid. */
            401: {
                headers: {
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    "WWW-Authenticate": components["headers"]["WWW-Authenticate"];
                    /** @description Requests a minute that one IP address or network may make, where this request was counted for one; at a 429 also those of one session. */
                    "RateLimit-Limit"?: number;
                    /** @description How many of them are left. */
                    "RateLimit-Remaining"?: number;
                    /** @description Seconds until all of them are available again. */
                    "RateLimit-Reset"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `not-found`: There is nothing here. */
            404: {
                headers: {
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `request-timeout`: The request took too long to arrive. */
            408: {
                headers: {
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `payload-too-large`: The body is too large. */
            413: {
                headers: {
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unsupported-media-type`: The body must be JSON in UTF-8. */
            415: {
                headers: {
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `too-many-requests`: Too many requests; wait and try again. Limited are the mails to one email address, the requests a minute of one IP address or session, and the changes of a password; `detail` says which it was. Wait the number of seconds in `Retry-After`. Earlier requests are refused too. */
            429: {
                headers: {
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    "Retry-After": components["headers"]["Retry-After"];
                    /** @description Requests a minute that one IP address or network may make, where this request was counted for one; at a 429 also those of one session. */
                    "RateLimit-Limit"?: number;
                    /** @description How many of them are left. */
                    "RateLimit-Remaining"?: number;
                    /** @description Seconds until all of them are available again. */
                    "RateLimit-Reset"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `headers-too-large`: The headers are too large. */
            431: {
                headers: {
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `internal`: Internal error. */
            500: {
                headers: {
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unavailable`: The service cannot answer right now. */
            503: {
                headers: {
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    getMe: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The account. */
            200: {
                headers: {
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["User"];
                };
            };
            /** @description `invalid-request`: The request does not match the contract. */
            400: {
                headers: {
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `session-rejected`: The session is not valid. */
            401: {
                headers: {
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    "WWW-Authenticate": components["headers"]["WWW-Authenticate"];
                    /** @description Requests a minute that one IP address or network may make, where this request was counted for one; at a 429 also those of one session. */
                    "RateLimit-Limit"?: number;
                    /** @description How many of them are left. */
                    "RateLimit-Remaining"?: number;
                    /** @description Seconds until all of them are available again. */
                    "RateLimit-Reset"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `request-timeout`: The request took too long to arrive. */
            408: {
                headers: {
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `too-many-requests`: Too many requests; wait and try again. Limited are the mails to one email address, the requests a minute of one IP address or session, and the changes of a password; `detail` says which it was. Wait the number of seconds in `Retry-After`. Earlier requests are refused too. */
            429: {
                headers: {
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    "Retry-After": components["headers"]["Retry-After"];
                    /** @description Requests a minute that one IP address or network may make, where this request was counted for one; at a 429 also those of one session. */
                    "RateLimit-Limit"?: number;
                    /** @description How many of them are left. */
                    "RateLimit-Remaining"?: number;
                    /** @description Seconds until all of them are available again. */
                    "RateLimit-Reset"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `headers-too-large`: The headers are too large. */
            431: {
                headers: {
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `internal`: Internal error. */
            500: {
                headers: {
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unavailable`: The service cannot answer right now. */
            503: {
                headers: {
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    deleteMe: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Done; the answer has no body. */
            204: {
                headers: {
                    /** @description When the cookie was used, or was the ended session's: `__Host-postern_refresh`, empty and expired. */
                    "Set-Cookie"?: string;
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description `invalid-request`: The request does not match the contract. */
            400: {
                headers: {
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `session-rejected`: The session is not valid. */
            401: {
                headers: {
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    "WWW-Authenticate": components["headers"]["WWW-Authenticate"];
                    /** @description Requests a minute that one IP address or network may make, where this request was counted for one; at a 429 also those of one session. */
                    "RateLimit-Limit"?: number;
                    /** @description How many of them are left. */
                    "RateLimit-Remaining"?: number;
                    /** @description Seconds until all of them are available again. */
                    "RateLimit-Reset"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `step-up-required`: Sign in again first. */
            403: {
                headers: {
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `request-timeout`: The request took too long to arrive. */
            408: {
                headers: {
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `payload-too-large`: The body is too large. */
            413: {
                headers: {
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unsupported-media-type`: The body must be JSON in UTF-8. */
            415: {
                headers: {
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `too-many-requests`: Too many requests; wait and try again. Limited are the mails to one email address, the requests a minute of one IP address or session, and the changes of a password; `detail` says which it was. Wait the number of seconds in `Retry-After`. Earlier requests are refused too. */
            429: {
                headers: {
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    "Retry-After": components["headers"]["Retry-After"];
                    /** @description Requests a minute that one IP address or network may make, where this request was counted for one; at a 429 also those of one session. */
                    "RateLimit-Limit"?: number;
                    /** @description How many of them are left. */
                    "RateLimit-Remaining"?: number;
                    /** @description Seconds until all of them are available again. */
                    "RateLimit-Reset"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `headers-too-large`: The headers are too large. */
            431: {
                headers: {
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `internal`: Internal error. */
            500: {
                headers: {
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unavailable`: The service cannot answer right now. */
            503: {
                headers: {
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    updateMe: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "locale": "fr"
                 *     }
                 */
                "application/json": {
                    /**
                     * @description A language tag (BCP 47). Mails are written in the closest language that has templates.
                     * @example fr-CH
                     */
                    locale?: string;
                };
            };
        };
        responses: {
            /** @description The account as it is now. */
            200: {
                headers: {
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    /** @description Requests a minute that one IP address or network may make, where this request was counted for one; at a 429 also those of one session. */
                    "RateLimit-Limit"?: number;
                    /** @description How many of them are left. */
                    "RateLimit-Remaining"?: number;
                    /** @description Seconds until all of them are available again. */
                    "RateLimit-Reset"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["User"];
                };
            };
            /** @description `invalid-request`: The request does not match the contract. */
            400: {
                headers: {
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    /** @description Requests a minute that one IP address or network may make, where this request was counted for one; at a 429 also those of one session. */
                    "RateLimit-Limit"?: number;
                    /** @description How many of them are left. */
                    "RateLimit-Remaining"?: number;
                    /** @description Seconds until all of them are available again. */
                    "RateLimit-Reset"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `session-rejected`: The session is not valid. */
            401: {
                headers: {
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    "WWW-Authenticate": components["headers"]["WWW-Authenticate"];
                    /** @description Requests a minute that one IP address or network may make, where this request was counted for one; at a 429 also those of one session. */
                    "RateLimit-Limit"?: number;
                    /** @description How many of them are left. */
                    "RateLimit-Remaining"?: number;
                    /** @description Seconds until all of them are available again. */
                    "RateLimit-Reset"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `request-timeout`: The request took too long to arrive. */
            408: {
                headers: {
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `payload-too-large`: The body is too large. */
            413: {
                headers: {
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    /** @description Requests a minute that one IP address or network may make, where this request was counted for one; at a 429 also those of one session. */
                    "RateLimit-Limit"?: number;
                    /** @description How many of them are left. */
                    "RateLimit-Remaining"?: number;
                    /** @description Seconds until all of them are available again. */
                    "RateLimit-Reset"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unsupported-media-type`: The body must be JSON in UTF-8. */
            415: {
                headers: {
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    /** @description Requests a minute that one IP address or network may make, where this request was counted for one; at a 429 also those of one session. */
                    "RateLimit-Limit"?: number;
                    /** @description How many of them are left. */
                    "RateLimit-Remaining"?: number;
                    /** @description Seconds until all of them are available again. */
                    "RateLimit-Reset"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `too-many-requests`: Too many requests; wait and try again. Limited are the mails to one email address, the requests a minute of one IP address or session, and the changes of a password; `detail` says which it was. Wait the number of seconds in `Retry-After`. Earlier requests are refused too. */
            429: {
                headers: {
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    "Retry-After": components["headers"]["Retry-After"];
                    /** @description Requests a minute that one IP address or network may make, where this request was counted for one; at a 429 also those of one session. */
                    "RateLimit-Limit"?: number;
                    /** @description How many of them are left. */
                    "RateLimit-Remaining"?: number;
                    /** @description Seconds until all of them are available again. */
                    "RateLimit-Reset"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `headers-too-large`: The headers are too large. */
            431: {
                headers: {
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `internal`: Internal error. */
            500: {
                headers: {
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    /** @description Requests a minute that one IP address or network may make, where this request was counted for one; at a 429 also those of one session. */
                    "RateLimit-Limit"?: number;
                    /** @description How many of them are left. */
                    "RateLimit-Remaining"?: number;
                    /** @description Seconds until all of them are available again. */
                    "RateLimit-Reset"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unavailable`: The service cannot answer right now. */
            503: {
                headers: {
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    "Retry-After": components["headers"]["Retry-After"];
                    /** @description Requests a minute that one IP address or network may make, where this request was counted for one; at a 429 also those of one session. */
                    "RateLimit-Limit"?: number;
                    /** @description How many of them are left. */
                    "RateLimit-Remaining"?: number;
                    /** @description Seconds until all of them are available again. */
                    "RateLimit-Reset"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    listDevices: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The trusted devices. */
            200: {
                headers: {
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["DeviceList"];
                };
            };
            /** @description `invalid-request`: The request does not match the contract. */
            400: {
                headers: {
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `session-rejected`: The session is not valid. */
            401: {
                headers: {
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    "WWW-Authenticate": components["headers"]["WWW-Authenticate"];
                    /** @description Requests a minute that one IP address or network may make, where this request was counted for one; at a 429 also those of one session. */
                    "RateLimit-Limit"?: number;
                    /** @description How many of them are left. */
                    "RateLimit-Remaining"?: number;
                    /** @description Seconds until all of them are available again. */
                    "RateLimit-Reset"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `request-timeout`: The request took too long to arrive. */
            408: {
                headers: {
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `too-many-requests`: Too many requests; wait and try again. Limited are the mails to one email address, the requests a minute of one IP address or session, and the changes of a password; `detail` says which it was. Wait the number of seconds in `Retry-After`. Earlier requests are refused too. */
            429: {
                headers: {
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    "Retry-After": components["headers"]["Retry-After"];
                    /** @description Requests a minute that one IP address or network may make, where this request was counted for one; at a 429 also those of one session. */
                    "RateLimit-Limit"?: number;
                    /** @description How many of them are left. */
                    "RateLimit-Remaining"?: number;
                    /** @description Seconds until all of them are available again. */
                    "RateLimit-Reset"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `headers-too-large`: The headers are too large. */
            431: {
                headers: {
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `internal`: Internal error. */
            500: {
                headers: {
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unavailable`: The service cannot answer right now. */
            503: {
                headers: {
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    forgetDevice: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description From the list of devices. */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Done; the answer has no body. */
            204: {
                headers: {
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description `invalid-request`: The request does not match the contract. */
            400: {
                headers: {
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `session-rejected`: The session is not valid. */
            401: {
                headers: {
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    "WWW-Authenticate": components["headers"]["WWW-Authenticate"];
                    /** @description Requests a minute that one IP address or network may make, where this request was counted for one; at a 429 also those of one session. */
                    "RateLimit-Limit"?: number;
                    /** @description How many of them are left. */
                    "RateLimit-Remaining"?: number;
                    /** @description Seconds until all of them are available again. */
                    "RateLimit-Reset"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `not-found`: There is nothing here. */
            404: {
                headers: {
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `request-timeout`: The request took too long to arrive. */
            408: {
                headers: {
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `payload-too-large`: The body is too large. */
            413: {
                headers: {
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unsupported-media-type`: The body must be JSON in UTF-8. */
            415: {
                headers: {
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `too-many-requests`: Too many requests; wait and try again. Limited are the mails to one email address, the requests a minute of one IP address or session, and the changes of a password; `detail` says which it was. Wait the number of seconds in `Retry-After`. Earlier requests are refused too. */
            429: {
                headers: {
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    "Retry-After": components["headers"]["Retry-After"];
                    /** @description Requests a minute that one IP address or network may make, where this request was counted for one; at a 429 also those of one session. */
                    "RateLimit-Limit"?: number;
                    /** @description How many of them are left. */
                    "RateLimit-Remaining"?: number;
                    /** @description Seconds until all of them are available again. */
                    "RateLimit-Reset"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `headers-too-large`: The headers are too large. */
            431: {
                headers: {
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `internal`: Internal error. */
            500: {
                headers: {
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unavailable`: The service cannot answer right now. */
            503: {
                headers: {
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    getJwks: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A JWK set (RFC 7517). */
            200: {
                headers: {
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    /** @description Requests a minute that one IP address or network may make, where this request was counted for one; at a 429 also those of one session. */
                    "RateLimit-Limit"?: number;
                    /** @description How many of them are left. */
                    "RateLimit-Remaining"?: number;
                    /** @description Seconds until all of them are available again. */
                    "RateLimit-Reset"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["JwkSet"];
                };
            };
            /** @description `invalid-request`: The request does not match the contract. */
            400: {
                headers: {
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    /** @description Requests a minute that one IP address or network may make, where this request was counted for one; at a 429 also those of one session. */
                    "RateLimit-Limit"?: number;
                    /** @description How many of them are left. */
                    "RateLimit-Remaining"?: number;
                    /** @description Seconds until all of them are available again. */
                    "RateLimit-Reset"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `request-timeout`: The request took too long to arrive. */
            408: {
                headers: {
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `too-many-requests`: Too many requests; wait and try again. Limited are the mails to one email address, the requests a minute of one IP address or session, and the changes of a password; `detail` says which it was. Wait the number of seconds in `Retry-After`. Earlier requests are refused too. */
            429: {
                headers: {
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    "Retry-After": components["headers"]["Retry-After"];
                    /** @description Requests a minute that one IP address or network may make, where this request was counted for one; at a 429 also those of one session. */
                    "RateLimit-Limit"?: number;
                    /** @description How many of them are left. */
                    "RateLimit-Remaining"?: number;
                    /** @description Seconds until all of them are available again. */
                    "RateLimit-Reset"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `headers-too-large`: The headers are too large. */
            431: {
                headers: {
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `internal`: Internal error. */
            500: {
                headers: {
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    /** @description Requests a minute that one IP address or network may make, where this request was counted for one; at a 429 also those of one session. */
                    "RateLimit-Limit"?: number;
                    /** @description How many of them are left. */
                    "RateLimit-Remaining"?: number;
                    /** @description Seconds until all of them are available again. */
                    "RateLimit-Reset"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unavailable`: The service cannot answer right now. */
            503: {
                headers: {
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    "Retry-After": components["headers"]["Retry-After"];
                    /** @description Requests a minute that one IP address or network may make, where this request was counted for one; at a 429 also those of one session. */
                    "RateLimit-Limit"?: number;
                    /** @description How many of them are left. */
                    "RateLimit-Remaining"?: number;
                    /** @description Seconds until all of them are available again. */
                    "RateLimit-Reset"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    getLiveness: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The process answers. */
            200: {
                headers: {
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Liveness"];
                };
            };
            /** @description `invalid-request`: The request does not match the contract. */
            400: {
                headers: {
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `request-timeout`: The request took too long to arrive. */
            408: {
                headers: {
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `headers-too-large`: The headers are too large. */
            431: {
                headers: {
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `internal`: Internal error. */
            500: {
                headers: {
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    getReadiness: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Ready: everything the service needs is available. */
            200: {
                headers: {
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Readiness"];
                };
            };
            /** @description `invalid-request`: The request does not match the contract. */
            400: {
                headers: {
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `request-timeout`: The request took too long to arrive. */
            408: {
                headers: {
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `headers-too-large`: The headers are too large. */
            431: {
                headers: {
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `internal`: Internal error. */
            500: {
                headers: {
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Not ready; `checks` says why. */
            503: {
                headers: {
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "status": "not-ready",
                     *       "checks": {
                     *         "database": {
                     *           "ok": false,
                     *           "detail": "out of reach"
                     *         },
                     *         "migrations": {
                     *           "ok": false,
                     *           "detail": "unknown: the database is out of reach"
                     *         },
                     *         "keys": {
                     *           "ok": false,
                     *           "detail": "unknown: the database is out of reach"
                     *         },
                     *         "mail": {
                     *           "ok": false,
                     *           "detail": "unknown: the database is out of reach"
                     *         }
                     *       }
                     *     }
                     */
                    "application/json": components["schemas"]["Readiness"];
                };
            };
        };
    };
}
